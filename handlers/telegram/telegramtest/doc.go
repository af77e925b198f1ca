// Package telegramtest is a simulated Telegram: an MTProto server over TCP.
package telegramtest
