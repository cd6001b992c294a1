FROM python:3.13-slim
WORKDIR /srv
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY bridge bridge
COPY adapters adapters
RUN pip install --no-cache-dir --no-deps . && useradd --system --home-dir /data --create-home unabridged
USER unabridged
# bridge.toml, the registration, the key and the ledger live here
VOLUME /data
WORKDIR /data
EXPOSE 29320 29321
STOPSIGNAL SIGTERM
ENTRYPOINT ["unabridged"]
CMD ["--config", "/data/bridge.toml", "run"]
