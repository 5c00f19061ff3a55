using System.Text.Json;
using Postern.Mta.Reports;

namespace Postern.Tests.Reports;

/// <summary>Sisimai's set of e-mails, each classified by <see cref="BounceReader"/> as Sisimai's own tests
/// say, recipient by recipient: reason, and hard or soft.</summary>
/// <remarks>
/// All 269 files count. Three of them are answers of machines, which Sisimai calls the reason
/// <c>vacation</c>, and one is a report of success, <c>delivered</c>; they are right when they are read as
/// that. The order of recipients is not compared.
/// </remarks>
public sealed class BounceSamplesTests
{
    /// <summary>What is read otherwise, and what is expected: some expect what only a table for one provider
    /// could know, some contradict each other, some are a matter of taste.</summary>
    static readonly string[] KnownWrong =
    [
        // "No such user" without a status or a stage: unknown for us, filtered for Sisimai.
        "lhost-exchange2003-04.eml filtered",
        "lhost-mailfoundry-01.eml filtered",
        "lhost-office365-04.eml filtered",
        "lhost-postfix-07.eml filtered",
        "lhost-x1-01.eml filtered",
        "lhost-x2-01.eml filtered",
        // "Policy violation" under the status 5.7.0.
        "lhost-dragonfly-18.eml securityerror",
        // "Header error", which is a matter of policy in another sample.
        "lhost-gmail-03.eml filtered",
        // The reason stands before the address, in Japanese.
        "lhost-notes-01.eml onhold",
        // The code of a provider at the end of a text that says less or something else.
        "rhost-franceptt-10.eml undefined",
        "rhost-nttdocomo-02.eml rejected",
        "rhost-spectrum-01.eml toomanyconn",
    ];

    [Fact]
    public void Samples_AreClassifiedRight_AtLeast95InAHundred()
    {
        var samples = Samples();
        var wrong = samples.Where(static sample => sample.Found != sample.Expected).ToArray();
        Assert.True(wrong.Length * 20 <= samples.Count,
            $"{wrong.Length} of {samples.Count} are wrong:\n" + string.Join('\n', wrong));
    }

    [Fact]
    public void Samples_ThatAreWrong_AreNamed() => Assert.Equal(
        KnownWrong.Order(StringComparer.Ordinal),
        Samples().Where(static sample => sample.Found != sample.Expected)
            .Select(static sample => $"{sample.Name} {sample.Expected}").Order(StringComparer.Ordinal));

    [Fact]
    public void Samples_SuppressAtMostWhatSisimaiWould()
    {
        // What is suppressed by mistake costs more than what is not: it must stay rare.
        var tooHard = Samples().Count(static sample =>
            sample.Found.Count(static c => c == '!') > sample.Expected.Count(static c => c == '!'));
        Assert.InRange(tooHard, 0, 6);
    }

    static List<Sample> Samples()
    {
        var folder = BounceReaderTests.SamplesOf("bounces-sisimai");
        using var expected =
            JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        var samples = expected.RootElement.EnumerateObject().Select(file => new Sample(
            Path.GetFileName(file.Name),
            Join(file.Value.EnumerateArray().Select(static one =>
                Mark(one.GetProperty("reason").GetString()!, one.GetProperty("hard").GetBoolean()))),
            Told(BounceReader.Read(File.ReadAllBytes(Path.Combine(folder, file.Name)))))).ToList();
        Assert.Equal(269, samples.Count);
        return samples;
    }

    static string Told(ReturnedMail? mail) => mail switch
    {
        DeliveryReport report => Join(report.Recipients.Select(static fate =>
            Mark(fate.Reason.NameOf(), fate.IsHard))),
        AutoReply => "vacation",
        Complaint => "feedback",
        _ => "nothing",
    };

    static string Mark(string reason, bool isHard) => isHard ? reason + "!" : reason;

    static string Join(IEnumerable<string> marks) => string.Join(' ', marks.Order(StringComparer.Ordinal));

    /// <summary>Reasons of the recipients, the hard ones with an exclamation mark.</summary>
    sealed record Sample(string Name, string Expected, string Found);
}
