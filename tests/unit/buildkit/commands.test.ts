import { describe, expect, it } from "vitest";
import { buildctlCommand } from "../../../src/buildkit/buildctl-command.ts";
import { buildxCommand } from "../../../src/buildkit/buildx-command.ts";
import { printCommand } from "../../../src/buildkit/place.ts";
import { plainSolve, type Delivery, type Solve } from "../../../src/buildkit/solve.ts";

const buildx = {
  program: "docker",
  prefix: ["buildx"],
  builder: "anyarch-1",
  env: { BUILDX_CONFIG: "/c d" },
};
const buildctl = { program: "buildctl", globalArgs: ["--addr", "unix:///s"], env: { LC_ALL: "C" } };

function solve(changes: Partial<Solve> = {}): Solve {
  return {
    platform: { os: "linux", architecture: "arm64" },
    context: "/src/app",
    dockerfile: "/src/app/Dockerfile.prod",
    ...plainSolve,
    delivery: { kind: "push-by-digest", repository: "reg.test/team/app" },
    metadataFile: "/tmp/m.json",
    ...changes,
  };
}

/** The values that follow each occurrence of a flag. */
function after(args: readonly string[], flag: string): readonly string[] {
  return args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ""] : []));
}

const pushed =
  "type=image,name=reg.test/team/app,push-by-digest=true,name-canonical=true,push=true,oci-mediatypes=true";

describe("000-14 the command of a native builder", () => {
  it("names builder and platform for buildx, as a shell takes it", () => {
    expect(printCommand(buildxCommand(buildx, solve()))).toBe(
      `BUILDX_CONFIG='/c d' docker buildx build --builder anyarch-1 --platform linux/arm64 --file /src/app/Dockerfile.prod --provenance=mode=min --output ${pushed} --metadata-file /tmp/m.json --progress=rawjson /src/app`,
    );
  });

  it("says the same for buildctl", () => {
    expect(printCommand(buildctlCommand(buildctl, solve()))).toBe(
      `buildctl --addr unix:///s build --frontend dockerfile.v0 --opt platform=linux/arm64 --local context=/src/app --local dockerfile=/src/app --opt filename=Dockerfile.prod --opt attest:provenance=mode=min --output ${pushed} --metadata-file /tmp/m.json --progress=rawjson`,
    );
  });
});

const everything = solve({
  target: "final",
  buildArgs: { A: "1", B: "x=y" },
  labels: { l: "v" },
  namedContexts: { lib: "/src/lib", base: "docker-image://alpine" },
  secrets: ["id=t,env=TOKEN"],
  ssh: ["default"],
  cacheFrom: ["reg.test/cache", "type=local,src=/c"],
  cacheTo: ["type=registry,ref=reg.test/cache"],
  noCache: true,
  pull: true,
  network: "host",
  provenance: "false",
  sbom: "true",
  sourceDateEpoch: 5,
  delivery: { kind: "layout", directory: "/out" },
});

describe("options", () => {
  it("reach buildx as its flags", () => {
    const { args } = buildxCommand(buildx, everything);
    expect(after(args, "--build-arg")).toEqual(["A=1", "B=x=y", "SOURCE_DATE_EPOCH=5"]);
    expect(after(args, "--build-context")).toEqual(["lib=/src/lib", "base=docker-image://alpine"]);
    expect(after(args, "--secret")).toEqual(["id=t,env=TOKEN"]);
    expect(after(args, "--cache-from")).toEqual(["reg.test/cache", "type=local,src=/c"]);
    expect(after(args, "--network")).toEqual(["host"]);
    expect(after(args, "--output")).toEqual(["type=oci,tar=false,dest=/out,rewrite-timestamp=true"]);
    expect(args).toEqual(
      expect.arrayContaining(["--no-cache", "--pull", "--provenance=false", "--sbom=true", "--ssh", "final"]),
    );
  });

  it("reach buildctl as the frontend's options", () => {
    const { args } = buildctlCommand(buildctl, everything);
    expect(after(args, "--opt")).toEqual([
      "platform=linux/arm64",
      "filename=Dockerfile.prod",
      "target=final",
      "build-arg:A=1",
      "build-arg:B=x=y",
      "build-arg:SOURCE_DATE_EPOCH=5",
      "label:l=v",
      "context:lib=local:context:lib",
      "context:base=docker-image://alpine",
      "no-cache=",
      "image-resolve-mode=pull",
      "force-network-mode=host",
      "attest:sbom=",
    ]);
    expect(after(args, "--local")).toEqual([
      "context=/src/app",
      "dockerfile=/src/app",
      "context:lib=/src/lib",
    ]);
    expect(after(args, "--import-cache")).toEqual(["type=registry,ref=reg.test/cache", "type=local,src=/c"]);
    expect(after(args, "--allow")).toEqual(["network.host"]);
  });

  it("write values with commas in quotes", () => {
    const annotated = solve({ annotations: { "a.b": 'x,"y"' } });
    expect(after(buildctlCommand(buildctl, annotated).args, "--output")).toEqual([
      `${pushed},"annotation.a.b=x,""y"""`,
    ]);
    expect(after(buildxCommand(buildx, annotated).args, "--annotation")).toEqual(['a.b=x,"y"']);
  });

  it("leave attestations and annotations away where nothing is exported", () => {
    const none = solve({ delivery: { kind: "none" }, annotations: { a: "b" }, provenance: "mode=max" });
    const args = buildctlCommand(buildctl, none).args.join(" ");
    expect(args).not.toMatch(/attest|annotation|--output/);
    expect(after(buildxCommand(buildx, none).args, "--output")).toEqual(["type=cacheonly"]);
  });

  it("push a tag where it is asked for", () => {
    const delivery: Delivery = { kind: "push-tag", reference: "reg.test/a:tmp" };
    for (const { args } of [
      buildxCommand(buildx, solve({ delivery })),
      buildctlCommand(buildctl, solve({ delivery })),
    ])
      expect(after(args, "--output")).toEqual([
        "type=image,name=reg.test/a:tmp,push=true,oci-mediatypes=true",
      ]);
  });
});

describe("contexts elsewhere", () => {
  const context = "https://git.example/app.git#main";
  it("are fetched by BuildKit, with a Dockerfile of theirs or one from here", () => {
    const theirs = buildctlCommand(buildctl, solve({ context, dockerfile: "deploy/Dockerfile" })).args;
    expect(after(theirs, "--local")).toEqual([]);
    expect(after(theirs, "--opt")).toEqual(
      expect.arrayContaining([`context=${context}`, "filename=deploy/Dockerfile"]),
    );
    const own = buildctlCommand(buildctl, solve({ context })).args;
    expect(after(own, "--opt")).toEqual(expect.arrayContaining(["dockerfilekey=dockerfile"]));
    expect(after(own, "--local")).toEqual(["dockerfile=/src/app"]);
    expect(buildxCommand(buildx, solve({ context })).args.at(-1)).toBe(context);
  });

  it("in an OCI layout need their digest with buildctl", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const named = buildctlCommand(
      buildctl,
      solve({ namedContexts: { b: `oci-layout:///l@${digest}` } }),
    ).args;
    expect(after(named, "--oci-layout")).toEqual(["context:b=/l"]);
    expect(after(named, "--opt")).toContain(`context:b=oci-layout://context:b@${digest}`);
    const vague = solve({ namedContexts: { b: "oci-layout:///l:1" } });
    expect(() => buildctlCommand(buildctl, vague)).toThrow(/needs the digest/);
  });
});

describe("buildctl", () => {
  it("refuses annotations that it would change", () => {
    expect(() => buildctlCommand(buildctl, solve({ annotations: { "org.Example": "x" } }))).toThrow(
      /lower case/,
    );
  });
});
