/**
 * Between two steps everything that a step has set off comes to rest: promises, later turns of the
 * event loop, requests to the file system. So what happens in which order is the schedule's choice
 * alone, and how fast a disk answers decides nothing.
 */

const restless = new Set(["Immediate", "FSReqCallback", "FSReqPromise", "CloseReq"]);

export async function quiet(): Promise<void> {
  do {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  } while (process.getActiveResourcesInfo().some((name) => restless.has(name)));
}
