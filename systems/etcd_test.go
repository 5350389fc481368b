package systems

import (
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	for i := range 3 {
		at := time.Now()
		c := start(t, word(t, "etcd"), byte(10+i), 3)
		l, _ := c.leads()
		t.Logf("ready after %v, %s leads", time.Since(at), l.Name)
		c.killAll()
	}
}
