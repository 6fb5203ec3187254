// SPDX-License-Identifier: MIT
// Boost.Asio as the daemon uses it: one thread, so no locks and no fences (which TSan cannot see).
#pragma once

#define BOOST_ASIO_DISABLE_THREADS
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
