# Two images: the services (the last stage, what a build makes by default), and the simulators (`--target simulators`).
# The command picks what runs: `vrs run dns`. Both run as a user without rights and with a read-only file system.
FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH PYTHONHASHSEED=0
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore uv==0.13.9
WORKDIR /source
COPY . .
# The same sources make the same layer, byte for byte: no trace of where and when it was built is left.
RUN printf '%s\n' '#!/bin/sh' 'set -e' \
    'uv sync --quiet --locked --no-default-groups --no-editable "$@"' \
    'cd /app/lib/python3.*/site-packages/vrs_provisioning-*' \
    'rm uv_*.json && sed --in-place /uv_/d RECORD' \
    'mkdir /image && mv /app /image' \
    'find /image -exec touch --no-dereference --date=@0 {} +' > /install && chmod +x /install

FROM build AS build-simulators
RUN /install --group simulators

FROM build AS build-services
RUN /install

FROM python:3.13-slim AS image
ENV PATH=/app/bin:$PATH HOME=/tmp USER=vrs VRS_LOG_FORMAT=json
WORKDIR /
USER 10001:10001
CMD ["vrs", "--help"]

FROM image AS simulators
COPY --from=build-simulators /image /

FROM image AS services
ENV VRS_HEALTH_PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=10s --start-period=2m --retries=6 CMD ["python3", "-m", "ops.ready"]
COPY --from=build-services /image /
