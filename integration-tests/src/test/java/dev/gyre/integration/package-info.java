/**
 * Gyre as a person meets it: the command in a process of its own, with its workers, their faults
 * and bad input; and the architecture of the whole.
 */
@NullMarked
package dev.gyre.integration;

import org.jspecify.annotations.NullMarked;
