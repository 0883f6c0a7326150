/**
 * Transfers between ranks: transports, process groups with their collectives, and the messages of
 * the control plane. Independent of models and plans.
 */
@NullMarked
package dev.gyre.comms;

import org.jspecify.annotations.NullMarked;
