const tiles = [...document.querySelectorAll("figure")];
const openView = () => document.querySelector("section:target");
const linkOf = (tile) => tile.querySelector("a.place");
const viewOf = (tile) => tile.nextElementSibling;
const tileOf = (view) => view.previousElementSibling;

// The link that keeps the focus when the next image is shown.
let kept = "";

function step(view, relation) {
  const shown = tiles.filter((tile) => !tile.hidden || tile === tileOf(view));
  const next = shown[shown.indexOf(tileOf(view)) + (relation === "next" ? 1 : -1)];
  if (next) location.hash = linkOf(next).hash;
}

function close(view) {
  const link = linkOf(tileOf(view));
  const height = scrollY;
  location.hash = link.id;
  scrollTo(0, height);
  // Not every browser moves the focus to the new address.
  link.focus({ preventScroll: true });
  const { top, bottom } = link.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) link.scrollIntoView({ block: "center" });
}

addEventListener("hashchange", () => {
  const view = openView();
  if (view) (view.querySelector(`a[rel="${kept}"][href]`) ?? view).focus();
  kept = "";
});

addEventListener("click", (event) => {
  const link = event.target.closest("nav a");
  const view = openView();
  if (!link || !view) return;
  event.preventDefault();
  if (link.className === "close") close(view);
  else step(view, (kept = link.rel));
});

const keys = { ArrowLeft: "prev", ArrowRight: "next" };
addEventListener("keydown", (event) => {
  const view = openView();
  if (!view || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.key === "Escape") close(view);
  else if (keys[event.key]) step(view, keys[event.key]);
  else return;
  event.preventDefault();
});

const filter = document.querySelector(".filter");
const input = filter.querySelector("input");
const status = filter.querySelector("span");
const texts = new Map();

function textOf(tile) {
  if (!texts.has(tile)) {
    const said = [tile, ...viewOf(tile).querySelectorAll(".label, .prompt, dd")];
    texts.set(tile, said.map((part) => part.textContent.toLowerCase()).join("\n"));
  }
  return texts.get(tile);
}

function applyFilter() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const tile of tiles) tile.hidden = !words.every((word) => textOf(tile).includes(word));
  const shown = tiles.filter((tile) => !tile.hidden).length;
  status.textContent = words.length ? `${shown} of ${tiles.length} shown` : "";
}

filter.hidden = tiles.length < 2;
input.addEventListener("input", applyFilter);
applyFilter();
openView()?.focus();
