# docker build -t flowrules . && docker run --rm -v "$PWD:/work" flowrules lint rulesets

FROM python:3.12-slim AS build
WORKDIR /source
RUN python -m pip install --no-cache-dir --quiet build
COPY . .
RUN python -m build --wheel --outdir /wheels

FROM python:3.12-slim
LABEL org.opencontainers.image.title="flowrules" \
      org.opencontainers.image.description="A language and engine for profiling networks from flow records" \
      org.opencontainers.image.licenses="Apache-2.0"
# The extras that wheels exist for everywhere; arrow is left out for its size.
ARG EXTRAS=codecs
COPY --from=build /wheels /wheels
RUN wheel="$(ls /wheels/*.whl)" \
    && python -m pip install --no-cache-dir --quiet "${wheel}[${EXTRAS}]" \
    && rm -r /wheels \
    && useradd --create-home flowrules
USER flowrules
WORKDIR /work
ENTRYPOINT ["flowrules"]
CMD ["--help"]
