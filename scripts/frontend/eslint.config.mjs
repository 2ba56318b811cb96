// What eslint holds the pages' scripts to. Layout is prettier's, types are tsc's.

import js from "@eslint/js";
import globals from "globals";

// Story text comes from players and models: it reaches the page as text, never as markup.
const MARKUP = "Set textContent, or build elements: text of a story must not become markup.";
const asMarkup = [
  ...["innerHTML", "outerHTML", "srcdoc"].map(
    (name) => `AssignmentExpression[left.property.name='${name}']`,
  ),
  "CallExpression[callee.property.name='insertAdjacentHTML']",
  "CallExpression[callee.property.name='createContextualFragment']",
  "CallExpression[callee.object.name='document'][callee.property.name=/^write(ln)?$/]",
].map((selector) => ({ selector, message: MARKUP }));

export default [
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["static/**/*.js", "tests/js/**/*.mjs", "scripts/frontend/*.mjs"],
    rules: {
      "array-callback-return": "error",
      "consistent-return": "error",
      eqeqeq: "error",
      "no-alert": "error",
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-promise-executor-return": "error",
      "no-restricted-syntax": ["error", ...asMarkup],
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-throw-literal": "error",
      "no-unmodified-loop-condition": "error",
      "no-unreachable-loop": "error",
      "no-unused-expressions": ["error", { allowShortCircuit: true }],
      "no-unused-vars": ["error", { varsIgnorePattern: "^_$" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      radix: "error",
      "require-unicode-regexp": "error",
    },
  },
  { files: ["static/js/**/*.js"], languageOptions: { globals: globals.browser } },
  {
    // Before the service worker's code stands `const KEPT = …` (game/offline/views.py).
    files: ["static/worker/*.js"],
    languageOptions: {
      sourceType: "script",
      globals: { ...globals.serviceworker, KEPT: "readonly" },
    },
  },
  {
    files: ["tests/js/**/*.mjs", "scripts/frontend/*.mjs"],
    languageOptions: { globals: globals.node },
    // Writers of scenarios put `${name}` where a player's answer goes, and so do these tests.
    rules: { "no-template-curly-in-string": "off" },
  },
];
