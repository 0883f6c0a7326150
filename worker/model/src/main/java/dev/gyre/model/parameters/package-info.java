/** Which tensors a model has, in which order they lie, and what they start as. */
@NullMarked
package dev.gyre.model.parameters;

import org.jspecify.annotations.NullMarked;
