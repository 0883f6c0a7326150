package dev.gyre.kernels.torch;

import org.bytedeco.javacpp.Pointer;

/** A pointer without ownership whose address can be set. */
final class Address extends Pointer {
  Address at(long value) {
    address = value;
    return this;
  }
}
