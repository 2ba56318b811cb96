// What stylelint holds the styles to: its standard rules, with what is different here and why.

export default {
  extends: ["stylelint-config-standard"],
  rules: {
    // Styles stand by subject, and the rule compares every two selectors that end in the same
    // element, though no element of a page matches both.
    "no-descending-specificity": null,
    // Browsers before 2023 do not know the other notation, and know everything else that is here.
    "media-feature-range-notation": "prefix",
    // Safari on phones knows this one by no other name.
    "property-no-vendor-prefix": [true, { ignoreProperties: ["-webkit-text-size-adjust"] }],
    // Django writes the ids of its fields with underscores.
    "selector-id-pattern": "^(?:id_[a-z_]+|[a-z][a-z0-9]*(?:-[a-z0-9]+)*)$",
    // Names of fonts are written as their makers do.
    "value-keyword-case": ["lower", { ignoreProperties: ["/^--(?:serif|sans|mono|easy)$/"] }],
  },
};
