# The two daemons, each a target of its own: `broker` (Mosquitto with the plugin) and `api` (the control
# API, and the one-shot preparation of the database). docker-compose.yml puts them beside PostgreSQL.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY packages.txt ./
COPY deploy/packages deploy/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $(deploy/packages build npm) jq \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release && cmake --build --preset release --target hum-broker hum-api
RUN deploy/fetch-swagger-ui pages
RUN deploy/build-desktop desktop && mv desktop/desktop* pages/

FROM debian:bookworm-slim AS runtime
WORKDIR /opt/hum
COPY packages.txt ./
COPY deploy deploy
# Of PostgreSQL the client alone: the server is a container of its own.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $(deploy/packages run | sed 's/^postgresql-/postgresql-client-/') \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 990 --user-group --no-create-home --shell /usr/sbin/nologin hum \
    && install -d -m 700 -o hum -g hum /run/hum /var/lib/hum /var/lib/hum-journal
COPY sql sql

FROM runtime AS broker
COPY mosquitto.conf ./
COPY --from=build /src/build/release/broker-plugin/hum-broker.so ./
USER hum
EXPOSE 1883 9001 9002
CMD ["deploy/container/broker"]

FROM runtime AS api
COPY --from=build /src/build/release/control-api/hum-api ./
COPY docs/openapi.yaml docs/asyncapi.yaml control-api/pages pages/
COPY --from=build /src/pages pages/
ENV HUM_PAGES_DIR=/opt/hum/pages
USER hum
EXPOSE 8080
CMD ["./hum-api"]
