/**
 * Decoder models over the kernels: ops with forward and backward, the tape, layers, router, losses,
 * Hugging Face weights. A model does not know the number of ranks: all communication goes through
 * the ports.
 */
@NullMarked
package dev.gyre.model;

import org.jspecify.annotations.NullMarked;
