using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Postern.Mta.Inbound;
using Postern.Smtp;
using Postern.Tests.Reports;
using Postern.Tests.Transports;

namespace Postern.Tests.Inbound;

/// <summary>Mails that other projects test with; nothing of them is kept here.</summary>
public sealed class MailSuitesTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Korean_Samples_AreReadAsExpected()
    {
        var folder = BounceReaderTests.SamplesOf("korean");
        using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        var read = 0;
        foreach (var sample in expected.RootElement.EnumerateObject())
        {
            var octets = Read(Path.Combine(folder, "eml", sample.Name + ".eml"));
            var mail = await DescribeAsync(octets);
            var facts = sample.Value;
            if (facts.TryGetProperty("subject", out var subject))
                Assert.Equal((sample.Name, subject.GetString()),
                    (sample.Name, mail.Header.TextOf("Subject")));
            if (facts.TryGetProperty("subject_any_of", out var any))
                Assert.Contains(
                    mail.Header.TextOf("Subject"), any.EnumerateArray().Select(text => text.GetString()));
            if (facts.TryGetProperty("from_name", out var name))
                Assert.Equal((sample.Name, name.GetString()),
                    (sample.Name, mail.Header.AddressesOf("From")[0].Name));
            Assert.Equal((sample.Name, facts.GetProperty("text").GetString()), (sample.Name, mail.Text));
            read++;
        }
        Assert.Equal(19, read);
    }

    [Theory]
    [InlineData("mime-dovecot")]
    [InlineData("mime-rubymail")]
    [InlineData("mime-flanker")]
    [InlineData("cpython-email")]
    public async Task Suite_IsDescribedWhole_WithItsTimeTold(string suite)
    {
        var (files, octets, worstMs) = (0, 0L, 0.0);
        var clock = TimeProvider.System;
        var began = clock.GetTimestamp();
        foreach (var path in MailsOf(suite))
        {
            var mail = Read(path);
            var started = clock.GetTimestamp();
            await DescribeAsync(mail);
            // Below 100 KB the limit is that of 100 KB.
            worstMs = Math.Max(worstMs, clock.GetElapsedTime(started).TotalMilliseconds
                / Math.Max(1, mail.Length / 100_000.0));
            files++;
            octets += mail.Length;
        }
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{suite}: {files} mails, {octets} octets, "
            + $"{clock.GetElapsedTime(began).TotalMilliseconds:0} ms in all, "
            + $"the worst {worstMs:0.0} ms for 100 KB"));
        Assert.NotEqual(0, files);
    }

    /// <summary>Where we and isemail differ, by its number and why.</summary>
    static readonly Dictionary<int, string> Differences = new()
    {
        [35] = "the final dot of a domain is dropped, as DNS reads it",
        [39] = "the length of the whole is that of the path, which refuses it",
        [40] = "the length of the whole is that of the path, which refuses it",
        [43] = "an empty local part, which the grammar allows in quotes, names nobody",
        [71] = "RFC 5321 wants two groups for a double colon, RFC 4291 takes one",
    };

    [Fact]
    public void Addresses_OfIsemail_AreTakenWhereRfc5321TakesThem()
    {
        var suite = XDocument.Load(Path.Combine(BounceReaderTests.SamplesOf("addr-isemail"), "tests.xml"));
        var (found, agreed) = (new List<string>(), 0);
        foreach (var test in suite.Descendants("test"))
        {
            var number = (int)test.Attribute("id")!;
            // Control characters stand there as the symbols for them.
            var address = new string([.. test.Element("address")!.Value.Select(
                static c => c is >= '\u2400' and <= '\u241f' ? (char)(c - '\u2400') : c)]);
            var category = test.Element("category")!.Value;
            var isExpected = category is "ISEMAIL_VALID_CATEGORY" or "ISEMAIL_DNSWARN" or "ISEMAIL_RFC5321";
            // A lone local part is one for us: postmaster.
            if ((Mailbox.TryParse(address, out var mailbox) && mailbox.Domain.Length > 0) == isExpected)
                agreed++;
            else if (!Differences.ContainsKey(number))
                found.Add($"{number} {category} {test.Element("diagnosis")?.Value} <{address}>");
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{agreed} agreed, {Differences.Count} differ");
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Theory]
    [InlineData("mailbox_valid.txt", true)]
    [InlineData("mailbox_invalid.txt", false)]
    public void Addresses_OfFlanker_AreJudgedTheSameWay_95InAHundred(string file, bool isValid)
    {
        var path = Path.Combine(BounceReaderTests.SamplesOf("mime-flanker"), file);
        string[] lines =
        [
            .. File.ReadLines(path).Select(line => line.Split(" # ")[0].TrimEnd())
                .Where(line => line.Length > 0 && !line.StartsWith('#') && !IsOfAHeader(line)),
        ];
        var others = lines.Where(line => (Mailbox.TryParse(line, out var mailbox)
            && mailbox.Domain.Length > 0) != isValid).ToList();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{lines.Length - others.Count} of {lines.Length}; others:\n{string.Join('\n', others)}");
        Assert.True(others.Count * 20 <= lines.Length, string.Join('\n', others));
    }

    /// <summary>Display names and comments (RFC 5322) stand in no envelope.</summary>
    static bool IsOfAHeader(string line) =>
        line.EndsWith('>') || line.StartsWith('(') || line.EndsWith(')');

    internal static IEnumerable<string> AllMails() =>
        new[] { "korean", "mime-dovecot", "mime-rubymail", "mime-flanker", "cpython-email" }
            .SelectMany(MailsOf);

    /// <summary>With the line ends that mail has when it arrives.</summary>
    internal static byte[] Read(string path)
    {
        var octets = File.ReadAllBytes(path);
        var lines = new List<byte>(octets.Length + (octets.Length / 40));
        foreach (var octet in octets)
        {
            if (octet == '\n' && (lines.Count == 0 || lines[^1] != '\r'))
                lines.Add((byte)'\r');
            lines.Add(octet);
        }
        return [.. lines];
    }

    static IEnumerable<string> MailsOf(string suite) => Directory.EnumerateFiles(
        BounceReaderTests.SamplesOf(suite), "*", SearchOption.AllDirectories)
        .Where(path => Path.GetExtension(path) is ".eml" or ".txt" or ".crlf" or ""
            && Path.GetFileName(path) is not ("SOURCE" or "COPYING"))
        .Order(StringComparer.Ordinal);

    static ValueTask<MailDescription> DescribeAsync(byte[] octets) => MailDescription.ReadAsync(
        AttemptOf.Octets(octets, null, "a@b.example").Content, Path.GetTempPath(),
        Postern.Mta.InboundParse.Bodies, Cancel);
}
