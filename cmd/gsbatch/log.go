package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// startLog makes app.log what --log-format and --log-level ask for. It writes
// to stderr, above the progress bar.
func (app *App) startLog() {
	level := logLevel(app.general)
	var inner slog.Handler
	switch app.general.logFormat {
	case "json":
		inner = slog.NewJSONHandler(app.stderr, &slog.HandlerOptions{Level: level})
	default:
		inner = tint.NewTextHandler(app.stderr.painter(false), &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !app.color})
	}
	app.log = slog.New(&redactHandler{inner: inner, secrets: app.secrets})
}

// logLevel returns the level of --log-level; --quiet leaves only errors.
func logLevel(g general) slog.Level {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	if g.quiet {
		return max(levels[g.logLevel], slog.LevelError)
	}
	return levels[g.logLevel]
}

// redactHandler passes records on with every text redacted and harmless:
// message, keys, strings, errors and whatever prints itself.
type redactHandler struct {
	inner   slog.Handler
	secrets *redactor
}

func (h *redactHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

func (h *redactHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.inner.Handle(ctx, clean)
}

func (h *redactHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return &redactHandler{inner: h.inner.WithAttrs(clean), secrets: h.secrets}
}

func (h *redactHandler) WithGroup(name string) slog.Handler {
	return &redactHandler{inner: h.inner.WithGroup(h.text(name)), secrets: h.secrets}
}

func (h *redactHandler) text(s string) string { return oneLine(h.secrets.redact(s)) }

func (h *redactHandler) attr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		value = slog.StringValue(h.text(value.String()))
	case slog.KindAny:
		// Errors, structs, headers: their text is all a log shows of them.
		value = slog.StringValue(h.text(fmt.Sprintf("%+v", value.Any())))
	case slog.KindGroup:
		group := make([]slog.Attr, len(value.Group()))
		for i, inner := range value.Group() {
			group[i] = h.attr(inner)
		}
		value = slog.GroupValue(group...)
	}
	return slog.Attr{Key: h.text(a.Key), Value: value}
}
