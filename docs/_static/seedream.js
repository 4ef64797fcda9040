// The theme gives the buttons that open a section of the navigation no name.
document.addEventListener("DOMContentLoaded", () => {
  for (const toggle of document.querySelectorAll("summary > .toctree-toggle")) {
    const section = toggle.closest("li")?.querySelector("a")?.textContent ?? "this section";
    toggle.parentElement.setAttribute("aria-label", `Pages of ${section.trim()}`);
  }
});
