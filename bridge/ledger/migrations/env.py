"""Run by Alembic: on the connection, and within the transaction, that `bridge.ledger.upgrade` hands over."""

from typing import Any

from alembic import context

from bridge.ledger.schema import metadata


def _applied(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    context.config.attributes["progress"](f"ledger: {step.up_revision.doc}")


context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, on_version_apply=_applied)
context.run_migrations()
