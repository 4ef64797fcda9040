"""The pages in which a gallery is looked at, and what is looked for."""

import re
import sys
from pathlib import Path

LAB_THEMES = Path(sys.prefix) / "share/jupyter/lab/themes/@jupyterlab"

# Of the themes that come with VS Code: Dark Modern, Light Modern, and the older Dark+ and Light+.
VS_CODE = {
    "vscode-dark-modern": ("#1f1f1f", "#cccccc", "#9d9d9d", "#4daafc", "#0078d4", "#313131"),
    "vscode-light-modern": ("#ffffff", "#3b3b3b", "#3b3b3b", "#005fb8", "#005fb8", "#e5e5e5"),
    "vscode-dark-plus": ("#1e1e1e", "#d4d4d4", "rgba(204, 204, 204, 0.7)", "#3794ff", "#007fd4", "#454545"),
    "vscode-light-plus": ("#ffffff", "#000000", "#717171", "#006ab1", "#0090f1", "#c8c8c8"),
}
VS_CODE_NAMES = (
    "editor-background",
    "editor-foreground",
    "descriptionForeground",
    "textLink-foreground",
    "focusBorder",
    "editorWidget-border",
)
THEMES = ("none", "dark", "lab-light", "lab-dark", *VS_CODE)


def in_page(html: str, theme: str = "none") -> str:
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><style>{theme_css(theme)}</style></head>'
        f'<body style="margin:0">{html}</body></html>'
    )


def theme_css(theme: str) -> str:
    if theme in VS_CODE:
        rules = zip(VS_CODE_NAMES, VS_CODE[theme], strict=True)
        return f":root{{{''.join(f'--vscode-{name}:{value};' for name, value in rules)}}}body{{color-scheme:dark}}"
    if theme in {"none", "dark"}:  # a page without colors of its own
        return ":root{color-scheme:dark}" * (theme == "dark")
    return (LAB_THEMES / f"theme-{theme.partition('-')[2]}-extension" / "index.css").read_text(encoding="utf-8")


def without_styles(html: str) -> str:
    """As GitHub shows it: no style sheet, no style attributes, no classes."""
    return re.sub(r' (style|class)="[^"]*"', "", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))


# The contrast of each text with what lies behind it, by the formula of WCAG 2.
CONTRASTS = """
() => {
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a)); };
  const behind = element => {
    if (!element) return [255, 255, 255];
    const color = numbers(getComputedStyle(element).backgroundColor);
    return (color[3] ?? 1) >= 1 ? color : over(color, behind(element.parentElement));
  };
  const opacityOf = element => element
    ? Number(getComputedStyle(element).opacity) * opacityOf(element.parentElement) : 1;
  const luminance = color => color.map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return [...document.querySelectorAll('.seedream-gallery *')]
    .filter(element => element.tagName !== 'STYLE' && opacityOf(element))
    .filter(element => element.matches('input[type=text], textarea')
      || [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
    .map(element => {
      const paper = behind(element);
      const [red, green, blue, alpha] = numbers(getComputedStyle(element).color);
      const ink = over([red, green, blue, (alpha ?? 1) * opacityOf(element)], paper);
      const [light, dark] = [luminance(ink), luminance(paper)].sort((a, b) => b - a);
      return [(light + 0.05) / (dark + 0.05), `${element.className || element.tagName}: ${element.textContent}`];
    });
}
"""
IMAGES = """
() => Promise.all([...document.querySelectorAll('figure img')].map(async img => {
  await img.decode();
  const box = img.getBoundingClientRect();
  return {natural: [img.naturalWidth, img.naturalHeight], shown: [box.width, box.height],
          fit: getComputedStyle(img).objectFit, place: img.parentElement.getBoundingClientRect().width};
}))
"""
WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
BOXES = """
() => [...document.querySelectorAll('figure')].map(figure => {
  const box = (figure.querySelector('.seedream-image') ?? figure).getBoundingClientRect();
  return [box.x, box.y, box.width, box.height];
})
"""
SELECTED_IDS = """
() => [...document.querySelectorAll('code')].map(code => {
  getSelection().selectAllChildren(code);
  return getSelection().toString();
})
"""
ELEMENTS = """
() => [...document.querySelectorAll('.seedream-gallery, .seedream-gallery *')].map(
  element => [element.localName, element.getAttributeNames()])
"""
