"""The TLS context as the settings ask: verified unless told otherwise."""

import logging
import ssl

from adapters.irc.config import IrcConfig


def context(config: IrcConfig, log: logging.Logger) -> ssl.SSLContext:
    """Reads files, so not for the event loop. Raises `OSError` (`ssl.SSLError` is one) for a missing or bad file."""
    made = ssl.create_default_context(cafile=config.tls_ca)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.tls_certificate is not None:
        made.load_cert_chain(config.tls_certificate, config.tls_key)
    if not config.tls_verify:
        log.warning("tls_verify = false for %s: whoever stands between can read and change everything", config.server)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
