# blockprofile on the CPU: docker build -t blockprofile . && docker run --rm -v "$PWD:/work" blockprofile space list
# It writes as user 1000; if you are another: docker run --user "$(id -u)" ...
FROM python:3.12-slim AS build
COPY pyproject.toml constraints.txt README.md LICENSE /source/
COPY blockprofile /source/blockprofile
COPY spaces /source/spaces
COPY predictors /source/predictors
COPY analysis /source/analysis
COPY data /source/data
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu \
      "$(grep '^torch==' /source/constraints.txt)" \
 && /opt/venv/bin/pip install --no-cache-dir --constraint /source/constraints.txt '/source[onnx]' \
 && find /opt/venv -name __pycache__ -type d -prune -exec rm -rf {} +

FROM python:3.12-slim
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH MPLCONFIGDIR=/tmp
RUN useradd --uid 1000 --create-home user
USER 1000
WORKDIR /work
ENTRYPOINT ["blockprofile"]
CMD ["--help"]
