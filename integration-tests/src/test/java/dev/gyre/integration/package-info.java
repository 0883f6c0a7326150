/**
 * End-to-end tests of the command in its own process, with its workers, faults and bad input; and
 * tests of the whole architecture.
 */
@NullMarked
package dev.gyre.integration;

import org.jspecify.annotations.NullMarked;
