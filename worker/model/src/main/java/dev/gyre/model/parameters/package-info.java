/** The tensors of a model, their order in memory, and their initial values. */
@NullMarked
package dev.gyre.model.parameters;

import org.jspecify.annotations.NullMarked;
