// Measures within the page, frame by frame, when images appear; querying the page from outside would slow it down.
//
// Must be loaded before the page's own scripts. `probe.arm` runs the cell with the cursor, checks each frame, scrolls to
// the end, and reports the figures in the title of the page, which can be read without disturbing the page.

(() => {
  let received = 0; // bytes; nearly all are in binary frames

  window.WebSocket = class extends WebSocket {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", ({ data }) => {
        received += typeof data === "string" ? data.length : (data.byteLength ?? data.size);
      });
    }
  };

  const frame = () => new Promise(requestAnimationFrame);

  /** The scrollable ancestors of a tile, innermost first. */
  function scrollersOf(tile) {
    const found = [];
    for (let around = tile.parentElement; around; around = around.parentElement) {
      const { overflowY } = getComputedStyle(around);
      if (/auto|scroll/.test(overflowY) && around.scrollHeight > around.clientHeight + 1) found.push(around);
    }
    return found;
  }

  /** The vertical range of the window that is visible in all scrollers. */
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

  /** Waits for a frame in which tiles are visible, all of them filled. @returns their number, or null */
  async function fill(selector, deadline) {
    while (performance.now() < deadline) {
      const tiles = [...document.querySelectorAll(selector)];
      if (tiles.length) {
        const { top, bottom } = sightOf(scrollersOf(tiles[0]));
        const seen = tiles.filter((tile) => {
          const box = tile.getBoundingClientRect();
          // A tile without height also counts: it has yet to load.
          return box.bottom >= top && box.top <= bottom;
        });
        if (seen.length && seen.every(isFilled)) return seen.length;
      }
      await frame();
    }
    return null;
  }

  /** Scrolls to the end, one screen at a time. @returns whether it arrived in time */
  async function scroll(selector, count, deadline) {
    const tileCount = () => document.querySelectorAll(selector).length;
    const [scroller] = scrollersOf(document.querySelector(selector));
    // A grid with its own scroll bar has to be entirely visible.
    scroller.scrollIntoView({ block: "nearest" });
    const isWhole = tileCount() === count;
    const isAtEnd = () => {
      if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1) return true;
      // A notebook has empty space below the last tile.
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

  /** @param {{selector: string, count: number, limit: number, delay: number}} settings `limit`, `delay` in seconds. */
  async function run({ selector, count, limit, delay }) {
    await new Promise((resolve) => setTimeout(resolve, delay * 1000));
    received = 0;
    const seconds = (since) => (performance.now() - since) / 1000;
    const begin = performance.now();
    const key = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true, cancelable: true };
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", key));
    const tiles = await fill(selector, begin + limit * 1000);
    const figures = { first_screen: tiles && seconds(begin), tiles: tiles ?? 0, first_received: received, scroll: null };
    if (tiles !== null) {
      const start = performance.now();
      if (await scroll(selector, count, start + limit * 1000)) figures.scroll = seconds(start);
    }
    const report = `measured ${JSON.stringify({ ...figures, received })}`;
    // JupyterLab sets the title as well from time to time.
    setInterval(() => (document.title = report), 200);
  }

  // The caller does not wait.
  window.probe = { arm: (settings) => void run(settings) };
})();
