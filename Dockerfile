# One image recipe for all four services: docker build --build-arg SERVICE=needs -t attune/needs .
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /venv
COPY requirements/run.txt requirements/run.txt
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt
COPY proto proto
COPY libs libs
COPY services services
ARG SERVICE
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation \
    ./proto ./libs/chassis ./libs/lm "./services/${SERVICE}"

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --create-home attune && mkdir /data && chown attune /data
COPY --from=build /venv /venv
ARG SERVICE
ENV SERVICE=${SERVICE} PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 \
    ATTUNE_GRPC_LISTEN=0.0.0.0:50051 ATTUNE_METRICS_LISTEN=0.0.0.0:9090
USER 10001
EXPOSE 50051 9090
HEALTHCHECK --interval=5s --timeout=4s --start-period=20s \
  CMD ["python", "-m", "chassis.rpc.probe", "127.0.0.1:50051"]
CMD ["sh", "-c", "exec python -m \"$SERVICE\""]
