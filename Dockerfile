# docker build -t authapi . && docker run -p 127.0.0.1:8000:8000 -v authapi:/data authapi
# With nothing set it keeps SQLite and its secret in /data. tests/project runs the steps of its first stage.

FROM python:3.13.16-slim-trixie AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# Without pip: nothing in the final environment can install anything.
RUN python -m venv --without-pip /opt/authapi
RUN python -m pip --python /opt/authapi/bin/python install --require-hashes -r requirements.lock
RUN python -m pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md hatch_build.py ./
COPY alembic alembic
COPY clients clients
COPY src src
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /dist .
RUN python -m pip --python /opt/authapi/bin/python install --no-deps --no-index /dist/authapi-*.whl

FROM python:3.13.16-slim-trixie
# A fixed uid, so that a volume's owner stays right from one image to the next. Its home is /data, for it alone.
RUN useradd --uid 10001 --user-group --create-home --skel /dev/null --home-dir /data --key HOME_MODE=0700 --shell /usr/sbin/nologin authapi
COPY --from=build /opt/authapi /opt/authapi
ENV PATH=/opt/authapi/bin:$PATH
WORKDIR /data
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["python", "-c", "from http.client import HTTPConnection as H; c = H('127.0.0.1', 8000, timeout=2); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["authapi"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
