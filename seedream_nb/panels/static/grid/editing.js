/** The button in the detail view that opens the markup editor; so does the key e. */

/** @param {DetailView} detail */
const openEditor = ({ view, card }) => view.act("edit", [card.key]);

/** @param {DetailView} detail @param {Card} card */
const canEdit = ({ view }, card) => card.has_image && view.model.get("can_generate");

DETAIL_PARTS.actions.push((detail) => {
  const element = makeButton("Edit", () => openEditor(detail), { keys: "E" });
  return { element, show: (card) => (element.hidden = !canEdit(detail, card)) };
});

DETAIL_KEYS.e = (detail) => canEdit(detail, detail.card) && openEditor(detail);
