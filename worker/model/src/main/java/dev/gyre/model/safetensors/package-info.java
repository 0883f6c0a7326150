/** Reading and writing safetensors files. */
@NullMarked
package dev.gyre.model.safetensors;

import org.jspecify.annotations.NullMarked;
