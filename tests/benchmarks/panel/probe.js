// Why: the page itself sees, frame by frame, when pictures are there; asking it from outside would slow it down.
//
// It must be there before the page's own scripts. `probe.arm` runs the cell that has the cursor, looks at each frame,
// scrolls to the end and tells in the page's title what it saw, as that can be read without touching the page.

(() => {
  let received = 0; // bytes; binary frames are nearly all

  window.WebSocket = class extends WebSocket {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", ({ data }) => {
        received += typeof data === "string" ? data.length : (data.byteLength ?? data.size);
      });
    }
  };

  const frame = () => new Promise(requestAnimationFrame);

  /** The elements around a tile that scroll, the innermost first. */
  function scrollersOf(tile) {
    const found = [];
    for (let around = tile.parentElement; around; around = around.parentElement) {
      const { overflowY } = getComputedStyle(around);
      if (/auto|scroll/.test(overflowY) && around.scrollHeight > around.clientHeight + 1) found.push(around);
    }
    return found;
  }

  /** The part of the window in which all scrollers let something be seen. */
  function sightOf(scrollers) {
    const boxes = scrollers.map((scroller) => scroller.getBoundingClientRect());
    return {
      top: Math.max(0, ...boxes.map((box) => box.top)),
      bottom: Math.min(innerHeight, ...boxes.map((box) => box.bottom)),
    };
  }

  function isFilled(tile) {
    const image = tile.matches("img") ? tile : tile.querySelector("img");
    return Boolean(image?.complete && image.naturalWidth);
  }

  /** Waits for a frame in which there are tiles in sight, all of them filled. @returns their number, or null */
  async function fill(selector, deadline) {
    while (performance.now() < deadline) {
      const tiles = [...document.querySelectorAll(selector)];
      if (tiles.length) {
        const { top, bottom } = sightOf(scrollersOf(tiles[0]));
        const seen = tiles.filter((tile) => {
          const box = tile.getBoundingClientRect();
          // One without any height is still to come.
          return box.bottom >= top && box.top <= bottom;
        });
        if (seen.length && seen.every(isFilled)) return seen.length;
      }
      await frame();
    }
    return null;
  }

  /** Scrolls to the end, a screen at a time. @returns whether it came there in time */
  async function scroll(selector, count, deadline) {
    const tileCount = () => document.querySelectorAll(selector).length;
    const [scroller] = scrollersOf(document.querySelector(selector));
    // Of a grid with a scroll bar of its own, all has to be in sight.
    scroller.scrollIntoView({ block: "nearest" });
    const isWhole = tileCount() === count;
    const isAtEnd = () => {
      if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1) return true;
      // Below the last tile, a notebook has room for more cells.
      const last = [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect();
      return isWhole && last.bottom <= sightOf([scroller]).bottom;
    };
    while (!isAtEnd()) {
      scroller.scrollTop += scroller.clientHeight;
      await frame();
      if ((await fill(selector, deadline)) === null) return false;
    }
    return true;
  }

  /** @param {{selector: string, count: number, bound: number, delay: number}} order `bound`, `delay` in seconds. */
  async function run({ selector, count, bound, delay }) {
    await new Promise((resolve) => setTimeout(resolve, delay * 1000));
    received = 0;
    const seconds = (since) => (performance.now() - since) / 1000;
    const begin = performance.now();
    const key = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true, cancelable: true };
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", key));
    const tiles = await fill(selector, begin + bound * 1000);
    const figures = { first_screen: tiles && seconds(begin), tiles: tiles ?? 0, first_received: received, scroll: null };
    if (tiles !== null) {
      const start = performance.now();
      if (await scroll(selector, count, start + bound * 1000)) figures.scroll = seconds(start);
    }
    const told = `measured ${JSON.stringify({ ...figures, received })}`;
    // JupyterLab sets the title as well, now and then.
    setInterval(() => (document.title = told), 200);
  }

  // The caller does not wait.
  window.probe = { arm: (order) => void run(order) };
})();
