/**
 * Decoder models over the kernels: ops with forward and backward, the tape, layers, router, losses,
 * Hugging Face weights. A model never asks how many workers there are: what crosses ranks goes
 * through the ports.
 */
@NullMarked
package dev.gyre.model;

import org.jspecify.annotations.NullMarked;
