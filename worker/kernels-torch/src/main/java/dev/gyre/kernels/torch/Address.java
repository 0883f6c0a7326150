package dev.gyre.kernels.torch;

import org.bytedeco.javacpp.Pointer;

/** A pointer that owns nothing and can be pointed anywhere. */
final class Address extends Pointer {
  Address at(long value) {
    address = value;
    return this;
  }
}
