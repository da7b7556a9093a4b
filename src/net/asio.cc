// Asio's own code, compiled once (BOOST_ASIO_SEPARATE_COMPILATION), so that the other files need not.
#include <boost/asio/impl/src.hpp>
