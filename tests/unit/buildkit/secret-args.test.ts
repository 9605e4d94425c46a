import { describe, expect, it } from "vitest";
import { hideSecrets, withoutSecrets } from "../../../src/buildkit/secret-args.ts";

describe("build arguments that are named like a secret", () => {
  it("are known by BuildKit's own rule", () => {
    const names = [
      "TOKEN",
      "NPM_TOKEN",
      "db_password",
      "API_KEY",
      "AUTH",
      "SSH_PUBLIC_KEY",
      "KEYBOARD",
      "TOKENS",
    ];
    const shown = withoutSecrets(Object.fromEntries(names.map((name) => [name, "value"])));
    expect(names.filter((name) => shown[name] === "***")).toEqual([
      "TOKEN",
      "NPM_TOKEN",
      "db_password",
      "API_KEY",
      "AUTH",
    ]);
  });

  it("are hidden wherever their values stand, the longest first", () => {
    const hide = hideSecrets({ TOKEN: "abcd", OTHER_TOKEN: "abcdef", LEVEL: "info", KEY: "1" });
    expect(hide("x abcdef y abcd info 1")).toBe("x *** y *** info 1");
  });
});
