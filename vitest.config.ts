import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    passWithNoTests: true, // A filter may leave a project empty.
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "tests/*.test.ts",
            "tests/unit/**/*.test.ts",
            "tests/contract/**/*.test.ts",
            "tests/engines/**/*.test.ts",
          ],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "integration",
          include: ["tests/integration/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["tests/e2e/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Each file has daemons of its own, and waits for them more than it computes; more would starve each other.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
