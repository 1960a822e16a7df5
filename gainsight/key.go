package gainsight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// secret is a text that no formatting, logging or encoding shows.
type secret struct{ text string }

const hidden = "[redacted]"

// Format hides the text from every verb of package fmt.
func (secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// MarshalText hides the text from encoders, and from slog's text handler.
func (secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// credential is a key with the headers of the requests it signs. The headers
// are shared by all requests: net/http reads and never changes them.
type credential struct {
	key   secret
	write http.Header
	read  http.Header
}

// keyring reads the key when it is first needed and keeps it.
type keyring struct {
	source  func(ctx context.Context) (string, error)
	agent   string
	current atomic.Pointer[credential]
	turn    chan struct{} // one reader of the source at a time
	refused secret        // the key after whose 401 the source was asked again; under turn
}

func newKeyring(source func(ctx context.Context) (string, error), agent string) *keyring {
	if agent == "" {
		agent = "gsbatch"
	}
	return &keyring{source: source, agent: agent, turn: make(chan struct{}, 1)}
}

// get returns the credential, reading the key at the first call.
func (k *keyring) get(ctx context.Context) (*credential, error) {
	if cred := k.current.Load(); cred != nil {
		return cred, nil
	}
	if err := k.take(ctx); err != nil {
		return nil, err
	}
	defer func() { <-k.turn }()
	if cred := k.current.Load(); cred != nil {
		return cred, nil
	}
	return k.read(ctx)
}

// renew is told that old was answered with 401. It returns another credential
// where the source has one by now, and nil where the refusal stands.
func (k *keyring) renew(ctx context.Context, old *credential) (*credential, error) {
	if err := k.take(ctx); err != nil {
		return nil, err
	}
	defer func() { <-k.turn }()
	if cred := k.current.Load(); cred.key != old.key {
		return cred, nil
	}
	if k.refused == old.key {
		return nil, nil
	}
	k.refused = old.key
	cred, err := k.read(ctx)
	if err != nil || cred.key == old.key {
		return nil, err
	}
	return cred, nil
}

func (k *keyring) take(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("access key: %w", context.Cause(ctx))
	}
}

func (k *keyring) read(ctx context.Context) (*credential, error) {
	text, err := k.source(ctx)
	if err != nil {
		return nil, fmt.Errorf("access key: %w", err)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("access key: is empty; set it anew")
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return nil, errors.New("access key: holds a blank, a control or a non-ASCII character; set it anew")
		}
	}
	cred := k.sign(text)
	k.current.Store(cred)
	return cred, nil
}

// sign builds the headers. A write's answer is small, so it is asked for as it
// is; the answers to reads may be compressed, which net/http arranges.
func (k *keyring) sign(text string) *credential {
	read := http.Header{
		"Accesskey":    {text},
		"Content-Type": {"application/json"},
		"Accept":       {"application/json"},
		"User-Agent":   {k.agent},
	}
	write := read.Clone()
	write["Accept-Encoding"] = []string{"identity"}
	return &credential{key: secret{text}, write: write, read: read}
}

// scrub takes the key and the userinfo of URLs out of a text.
func (k *keyring) scrub(text string) string {
	if cred := k.current.Load(); cred != nil {
		text = strings.ReplaceAll(text, cred.key.text, hidden)
	}
	return withoutUserinfo(text)
}

// withoutUserinfo removes what stands between // and @: a proxy's password.
func withoutUserinfo(text string) string {
	for from := 0; ; {
		start := strings.Index(text[from:], "//")
		if start < 0 {
			return text
		}
		from += start + 2
		end := strings.IndexAny(text[from:], "/ \"\t\n")
		if end < 0 {
			end = len(text) - from
		}
		if at := strings.LastIndexByte(text[from:from+end], '@'); at >= 0 {
			text = text[:from] + text[from+at+1:]
		}
	}
}
