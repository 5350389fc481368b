package canvas

import "strings"

// OneLine returns the text's first line, cut to n characters.
func OneLine(s string, n int) string {
	runes := []rune(s)
	for i, c := range runes {
		if c == '\n' {
			runes = append(runes[:i:i], '…')
			break
		}
	}
	if len(runes) > n {
		runes = append(runes[:n-1:n-1], '…')
	}
	return string(runes)
}

// Wrap breaks the text into at most so many lines of about so many characters.
func Wrap(text string, width, lines int) (out []string) {
	for _, word := range strings.Fields(text) {
		n := len(out)
		switch {
		case n > 0 && len([]rune(out[n-1]))+1+len([]rune(word)) <= width:
			out[n-1] += " " + word
		case n == lines:
			out[n-1] = OneLine(out[n-1]+" "+word, width)
			if !strings.HasSuffix(out[n-1], "…") {
				out[n-1] += "…"
			}
			return out
		default:
			out = append(out, word)
		}
	}
	return out
}
