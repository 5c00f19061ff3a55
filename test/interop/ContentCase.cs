using System.Globalization;
using System.Text;

namespace Postern.Interop;

/// <summary>Content that must arrive byte for byte, whatever the hops put in front of it.</summary>
static class ContentCase
{
    /// <summary>The first field of every case: what stands before it on arrival was added by hops.</summary>
    const string Mark = "X-Case: ";

    public static readonly string[] Names =
        ["plain", "eight-bit", "smtputf8", "twenty-megabytes", "dot-lines", "no-final-newline", "long-lines"];

    public static Letter Letter(string name)
    {
        var content = Content(name);
        return name switch
        {
            "eight-bit" => new Letter("a@sender.test", "box@sink.test", content, " BODY=8BITMIME"),
            "smtputf8" => new Letter("보내는이@sender.test", "받는이@sink.test", content, " BODY=8BITMIME SMTPUTF8"),
            "no-final-newline" => new Letter("a@sender.test", "box@sink.test", content, "", ByBdat: true),
            _ => new Letter("a@sender.test", "box@sink.test", content, $" SIZE={content.Length}"),
        };
    }

    /// <summary>The message with this case in a Maildir, once it is there.</summary>
    public static async Task<byte[]> ArrivedAsync(string maildir, string name, Func<string> evidence)
    {
        byte[]? found = null;
        await Eventually
            .TrueAsync(() => (found = Find(maildir, name)) is not null, $"{name} arrives", 60, evidence);
        return found!;
    }

    /// <summary>From the mark on, the same octets. A line end that DATA needs at the end is no
    /// difference.</summary>
    public static void AssertSame(byte[] expected, byte[] stored)
    {
        var at = stored.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Mark));
        Assert.True(at >= 0, "the mark is missing");
        var arrived = WithCrLf(stored.AsSpan(at));
        if (!expected.AsSpan().EndsWith("\r\n"u8) && arrived.AsSpan().EndsWith("\r\n"u8))
            arrived = arrived[..^2];
        var same = expected.AsSpan().CommonPrefixLength(arrived);
        Assert.True(
            same == expected.Length && same == arrived.Length,
            $"differs at octet {same} of {expected.Length}; arrived are {arrived.Length}");
    }

    static byte[] Content(string name)
    {
        var content = new MemoryStream();
        Write($"{Mark}{name}\r\nFrom: <a@sender.test>\r\nTo: <box@sink.test>\r\n");
        Write("Date: Tue, 24 Nov 2026 09:00:00 +0900\r\n");
        var subject = name == "smtputf8" ? "제목" : name;
        Write($"Message-ID: <{name}@sender.test>\r\nSubject: {subject}\r\n\r\n");
        switch (name)
        {
            case "eight-bit":
                content.Write([.. Enumerable.Range(128, 128).Select(octet => (byte)octet)]);
                Write("\r\n한글 본문\r\n");
                break;
            case "twenty-megabytes":
                for (var line = 0; content.Length < 20_000_000; line++)
                    Write(
                        string.Create(CultureInfo.InvariantCulture, $"{line:D8} {new string('x', 65)}\r\n"));
                break;
            case "dot-lines":
                Write(".\r\n..\r\n.x\r\n...\r\n \r\n\r\n.\r\nFrom here\r\n.");
                Write("\r\n");
                break;
            case "long-lines":
                Write(new string('a', 998) + "\r\n." + new string('b', 996) + "\r\n");
                break;
            case "no-final-newline":
                Write("the last line has no end");
                break;
            default:
                Write("hello 안녕\r\n\t\r\n \r\n\r\n\r\n");
                break;
        }
        return content.ToArray();

        void Write(string text) => content.Write(Encoding.UTF8.GetBytes(text));
    }

    static byte[]? Find(string maildir, string name) => AllArrived(maildir, name).FirstOrDefault();

    /// <summary>Every message with this case in a Maildir.</summary>
    public static IEnumerable<byte[]> AllArrived(string maildir, string name)
    {
        var mark = Encoding.ASCII.GetBytes($"{Mark}{name}");
        var arrived = Path.Combine(maildir, "new");
        return Directory.Exists(arrived)
            ? Directory.EnumerateFiles(arrived).Select(File.ReadAllBytes)
                .Where(message => message.AsSpan().IndexOf(mark) >= 0)
            : [];
    }

    /// <summary>A Maildir keeps lines as the system does.</summary>
    static byte[] WithCrLf(ReadOnlySpan<byte> stored)
    {
        var wire = new MemoryStream(stored.Length + (stored.Length / 32));
        for (var i = 0; i < stored.Length; i++)
        {
            if (stored[i] == '\n' && (i == 0 || stored[i - 1] != '\r'))
                wire.WriteByte((byte)'\r');
            wire.WriteByte(stored[i]);
        }
        return wire.ToArray();
    }
}
