// A process of its own for the crash and concurrency tests: pushes images into a layout until it is killed.
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { LayoutStore } from "../../../src/stores/layout-store.ts";
import { pushImage, sampleImage } from "../../contract/stores/sample-image.ts";

const [dir = "", tag = "", count = "1"] = process.argv.slice(2);
const ctx = createContext(createNodeHost());
for (let at = 0; at < Number(count); at++) {
  const store = new LayoutStore(dir);
  const image = sampleImage("linux/arm64");
  await pushImage(store, image, ctx);
  await store.tag(image.descriptor, tag, ctx);
  await store.commit(ctx);
}
