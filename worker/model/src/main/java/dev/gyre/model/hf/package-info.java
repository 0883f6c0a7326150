/** Hugging Face model folders: config.json and weights. */
@NullMarked
package dev.gyre.model.hf;

import org.jspecify.annotations.NullMarked;
