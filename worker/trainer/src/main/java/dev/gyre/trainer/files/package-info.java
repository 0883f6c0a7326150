/** Files of a run that survive a crash, and whose failures name them. */
@NullMarked
package dev.gyre.trainer.files;

import org.jspecify.annotations.NullMarked;
