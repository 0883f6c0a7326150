/** Tests of the worker's side of the control stream, against a server that the test drives. */
@NullMarked
package dev.gyre.trainer.control;

import org.jspecify.annotations.NullMarked;
