/** Tests of the worker's side of the control stream, against a server in the test's hands. */
@NullMarked
package dev.gyre.trainer.control;

import org.jspecify.annotations.NullMarked;
