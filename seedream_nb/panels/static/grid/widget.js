/**
 * Why: this is what the front end asks for, the one thing that the module exports.
 */

// A function, so that each model has a store of its own.
export default () => {
  /** @type {PictureStore} */
  let store;
  return {
    initialize({ model }) {
      store = new PictureStore(model);
      return () => store.dispose();
    },
    render({ model, el }) {
      const view = new GridView(model, el, store);
      return () => view.dispose();
    },
  };
};
