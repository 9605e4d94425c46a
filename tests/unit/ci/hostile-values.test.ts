import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { TestRepository, type TestWorkflow } from "./repository.ts";

const hostile = `a"; touch pwned; $(id) \`id\` \${{ secrets.GITHUB_TOKEN }} '!$HOME: #&*`;
const repository = new TestRepository({
  "plain/Dockerfile": "FROM alpine:3.20\n",
  "plain/other.Dockerfile": "FROM alpine:3.20\n",
  [`${hostile}/Dockerfile`]: "FROM alpine:3.20\n",
  [`${hostile}/${hostile}`]: "FROM alpine:3.20\n",
  "-rf/Dockerfile": "FROM alpine:3.20\n",
  "two\nlines/Dockerfile": "FROM alpine:3.20\n",
});
afterAll(() => repository[Symbol.dispose]());

const modes = ["native", "matrix", "qemu", "single"];
const scripts = ({ jobs }: TestWorkflow): unknown =>
  Object.values(jobs).map(({ steps }) => steps.map(({ run, with: given, uses }) => ({ run, given, uses })));

describe("values of people in workflows", () => {
  it.each(modes)("never become part of a script or an expression: GitHub, %s", async (mode) => {
    const plain = { mode, context: "plain", file: "plain/other.Dockerfile" };
    const evil = { mode, context: hostile, file: `${hostile}/${hostile}` };
    const workflow = await repository.workflow(evil);
    expect(scripts(workflow)).toEqual(scripts(await repository.workflow(plain)));
    const seen = workflow.env["CONTEXT"] ?? "";
    expect(seen.match(/\$\{\{.*?\}\}/g)).toEqual(["${{ '${{' }}"]);
    expect(seen.replace("${{ '${{' }}", "${{")).toBe(hostile);
  });

  it.each(modes)("never become part of a script, and aren't expanded: GitLab, %s", async (mode) => {
    const read = async (context: string, file: string): Promise<Record<string, unknown>> =>
      parse(await repository.text({ service: "gitlab", mode, context, file }), { version: "1.1" }) as Record<
        string,
        unknown
      >;
    const { variables, ...rest } = await read(hostile, `${hostile}/${hostile}`);
    const { variables: _plain, ...plain } = await read("plain", "plain/other.Dockerfile");
    expect(rest).toEqual(plain);
    expect(variables).toMatchObject({ CONTEXT: { value: hostile, expand: false } });
  });

  it("aren't taken for flags", async () => {
    expect((await repository.workflow({ context: "-rf" })).env).toMatchObject({
      CONTEXT: "./-rf",
      DOCKERFILE: "./-rf/Dockerfile",
    });
  });

  it.each([
    [{ context: "two\nlines" }, "USAGE"],
    [{ runners: ["linux/arm64=${{ secrets.A }}"] }, "USAGE"],
    [{ runners: ["linux/arm64=a\n- b"] }, "USAGE"],
    [{ runners: ["linux/s390x=big"] }, "USAGE"],
    [{ branches: ['x" || "1" == "1'] }, "USAGE"],
    [{ version: "1 && id" }, "USAGE"],
    [{ tags: ["app:$(id)"] }, "REFERENCE_INVALID"],
    [{ tags: ["a.example/x:1", "b.example/x:1"] }, "USAGE"],
    [{ optional: ["linux/amd64,linux/arm64"] }, "USAGE"],
    [{ mode: "fast" }, "USAGE"],
    [{ context: "/tmp" }, "USAGE"],
    [{ context: "https://git.example/x.git" }, "USAGE"],
    [{ platforms: ["all"] }, "USAGE"],
    [{ platforms: ["linux/vax"] }, "PLATFORM_INVALID"],
    [{ platforms: ["windows/amd64"] }, "PLATFORM_INVALID"],
    [{ platforms: ["linux/arm64; id"] }, "PLATFORM_INVALID"],
  ])("are refused where they can't be meant: %j", async (options, code) => {
    await expect(repository.text({ context: "plain", ...options })).rejects.toMatchObject({ code });
  });
});
