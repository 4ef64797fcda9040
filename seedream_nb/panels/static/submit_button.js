/** The button below a form of ipywidgets: its fields are other widgets. */

const REFERENCE = "IPY_MODEL_";

async function findFields(model) {
  const found = Object.entries(model.get("fields")).map(async ([name, reference]) => {
    return [name, await model.widget_manager.get_model(reference.slice(REFERENCE.length))];
  });
  return Object.fromEntries(await Promise.all(found));
}

export default {
  async render({ model, el }) {
    const view = new SubmitView(model, el, await findFields(model));
    return () => view.dispose();
  },
};
