/**
 * Moving bytes between ranks: transports, process groups and their collectives, the control plane's
 * messages. Knows nothing of models or plans.
 */
@NullMarked
package dev.gyre.comms;

import org.jspecify.annotations.NullMarked;
