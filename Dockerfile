# The image of reckon: one static binary and nothing else. Build it with make image; see docs/container.md.
# image-debug has a shell and tools beside it; the directory that it is made of is the only difference.
FROM scratch
ARG ROOT=bin/image
ARG VERSION=unreleased
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="reckon" \
      org.opencontainers.image.description="Measures and verifies what a replicated store does while its network and processes fail" \
      org.opencontainers.image.source="https://github.com/reckon-bench/reckon" \
      org.opencontainers.image.documentation="https://github.com/reckon-bench/reckon/blob/main/docs/container.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY ${ROOT}/ /
ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp
# Results go to runs/ in the working directory: mount a directory of yours at /runs.
WORKDIR /tmp
WORKDIR /
ENTRYPOINT ["/bin/reckon"]
