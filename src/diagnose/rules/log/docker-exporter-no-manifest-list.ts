import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "docker-exporter-no-manifest-list",
  title: "--load (the docker exporter) can't take an index of several manifests",
  architecture: true,
  patterns: [
    {
      line: /docker exporter does not (?:currently )?support exporting manifest lists|docker exporter .{0,60}(?:manifest list|multi-platform|multiple platforms|attestation)/i,
      score: 97,
    },
    {
      line: /exporting manifest lists?.{0,40}not supported|cannot (?:load|export) (?:a )?(?:multi-platform|manifest list)|--load .{0,60}(?:multiple platforms|multi-platform|manifest list)/i,
      score: 90,
    },
  ],
  above: ["generic-user-error"],
  why: "The classic image store of Docker holds one image per tag. What was built is an index: several platforms, or one platform with a provenance attestation beside it.",
  fixes: [
    { title: "Push instead of loading", detail: "--push: registries hold indexes." },
    {
      title: "Load one platform only, without provenance",
      detail: "docker buildx build --platform linux/amd64 --provenance=false --load -t app .",
    },
    {
      title: "Or use the containerd image store",
      detail:
        'It holds indexes: {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json. Or --output type=oci,dest=app.tar.',
    },
  ],
  references: [],
  bad: ["ERROR: docker exporter does not currently support exporting manifest lists"],
  good: ["ERROR: failed to solve: failed to push example.com/app: unexpected status: 401 Unauthorized"],
};
