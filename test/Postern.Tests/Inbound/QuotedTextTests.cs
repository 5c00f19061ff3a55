using Postern.Mta.Inbound;

namespace Postern.Tests.Inbound;

public sealed class QuotedTextTests
{
    [Theory]
    [InlineData("hi\r\nthere\r\n", "hi|there", "")]
    [InlineData("yes\r\n\r\nOn Fri, 2 Jan 2026, Ann wrote:\r\n> old\r\n> older\r\n", "yes", "")]
    [InlineData("yes\n\nOn Fri, 2 Jan 2026 at 3:04 Ann B\n<ann@x.example> wrote:\n\n> old", "yes", "")]
    [InlineData("네\n\n2026년 1월 2일 오후 3:04, 홍길동 <a@b.example>님이 작성:\n> 안녕", "네", "")]
    [InlineData("> q\nanswer\n> q2\nanswer 2", "answer|answer 2", "")]
    [InlineData("hi\n-- \nAnn\nShop\n", "hi", "Ann|Shop")]
    [InlineData("hi\n--\nAnn\n\nOn Monday Bob wrote:\n> x", "hi", "Ann")]
    [InlineData("fyi\n-----Original Message-----\nFrom: Bob\nsecret", "fyi", "")]
    [InlineData("On Monday Bob wrote:\nnothing is quoted", "On Monday Bob wrote:|nothing is quoted", "")]
    [InlineData("answer\nBob wrote:\n> q", "answer", "")]
    [InlineData("", "", "")]
    // Naver, Daum, Kakao and Outlook in Korean.
    [InlineData("네\n\n-----Original Message-----\nFrom: 홍 <a@b.c>\nTo: x\nSubject: y\n\n옛 글", "네", "")]
    [InlineData("네\n\n----- 원본 메시지 -----\n보낸사람: 홍\n옛 글", "네", "")]
    [InlineData("네\n\n--------- 원본 메일 ---------\n보낸사람 : 홍\n받는사람 : 김\n날짜 : x\n옛 글", "네", "")]
    [InlineData("네\n보낸사람: 홍 <a@b.c>\n보낸 날짜: 2026년\n받는 사람: 김\n제목: x\n\n옛 글", "네", "")]
    [InlineData("네\n\n______________\n보낸 사람: 홍\n보낸 날짜: x\n제목: y\n\n옛", "네", "")]
    [InlineData("네\n2026년 11월 30일 (월) 오전 9:00, 홍 <a@b.c>님이 작성:\n\n옛 글", "네", "")]
    [InlineData("네\n2026. 11. 30. 오전 9:00, 홍 <a@b.c> 님이 작성:\n> 옛 글", "네", "")]
    [InlineData("네\n2026년 11월 30일 (월) 오전 9:00, 홍길동\n<a@b.c>님이 작성:\n> 옛\n덧붙임", "네|덧붙임", "")]
    [InlineData("네\n나의 iPhone에서 보냄\n\n2026. 11. 30. 오전 9:00, 홍 <a@b.c> 작성:\n> 옛", "네",
        "나의 iPhone에서 보냄")]
    [InlineData("네\n\n내 Galaxy에서 보냄", "네", "내 Galaxy에서 보냄")]
    [InlineData("보낸사람: 확인해 주세요\n그럼", "보낸사람: 확인해 주세요|그럼", "")]
    [InlineData("나의 iPhone에서 보낸 사진이에요", "나의 iPhone에서 보낸 사진이에요", "")]
    // Japanese.
    [InlineData("はい\n2026年1月5日(月) 9:00 山田 <a@b.c>:\n> 旧", "はい", "")]
    [InlineData("はい\n2026/01/05 9:00、山田 <a@b.c>のメール:\n旧", "はい", "")]
    [InlineData("はい\n----- 元のメッセージ -----\n差出人: 山田\n旧", "はい", "")]
    [InlineData("はい\n差出人: 山田 <a@b.c>\n送信日時: x\n宛先: y\n件名: z\n旧", "はい", "")]
    [InlineData("はい\niPhoneから送信", "はい", "iPhoneから送信")]
    // English, German, French.
    [InlineData("yes\n\n*From:* Ann <a@b.c>\n*Sent:* Monday\n*To:* Bob\n*Subject:* x\n\nold", "yes", "")]
    [InlineData("yes\nOn Mon, Jan 5, 2026 at 9:00 AM Ann <a@b.c> wrote:\nold without marks", "yes", "")]
    [InlineData("yes\n\nSent from my iPhone\n\nOn Jan 5, 2026, at 9:00, Ann <a@b.c> wrote:\n\n> old", "yes",
        "Sent from my iPhone")]
    [InlineData("yes\nGet Outlook for iOS\n________________\nFrom: A\nSent: B\nTo: C\nold", "yes",
        "Get Outlook for iOS")]
    [InlineData("fyi\nBegin forwarded message:\n\nFrom: x\nold", "fyi", "")]
    [InlineData("From: my desk\nTo: yours", "From: my desk|To: yours", "")]
    [InlineData("ja\nAm 05.01.2026 um 09:00 schrieb Max <a@b.c>:\n> alt", "ja", "")]
    [InlineData("ja\nMax <a@b.c> schrieb am Mo. 5. Jan. 2026 um 09:00:\n> alt", "ja", "")]
    [InlineData("ja\n-----Ursprüngliche Nachricht-----\nVon: Max\nalt", "ja", "")]
    [InlineData("ja\nVon: Max\nGesendet: Montag\nAn: x\nBetreff: y\nalt", "ja", "")]
    [InlineData("ja\nVon meinem iPhone gesendet", "ja", "Von meinem iPhone gesendet")]
    [InlineData("oui\nLe lun. 5 janv. 2026 à 09:00, Ann <a@b.c> a écrit :\n> vieux", "oui", "")]
    [InlineData("oui\n-----Message d'origine-----\nDe : Ann\nvieux", "oui", "")]
    [InlineData("oui\nDe : Ann\nEnvoyé : lundi\nÀ : Bob\nObjet : x\nvieux", "oui", "")]
    [InlineData("oui\nEnvoyé de mon iPhone", "oui", "Envoyé de mon iPhone")]
    public void Text_IsLeftWithoutQuotesAndSignature(string body, string text, string signature)
    {
        var split = QuotedText.Of(body);
        Assert.Equal((text, signature), (
            split.Text.Replace("\r\n", "|", StringComparison.Ordinal),
            split.Signature.Replace("\r\n", "|", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("<p>a</p>", "<p>a</p>")]
    [InlineData("<p class=x>a<blockquote>his</blockquote>", "<p class=x>a<blockquote>his</blockquote>")]
    [InlineData("<i>a</i><div class=\"gmail_quote\">On x:<div>old</div></div><p>b</p>", "<i>a</i><p>b</p>")]
    [InlineData("a<blockquote type=\"cite\">old<blockquote>older</blockquote></blockquote>b", "ab")]
    [InlineData("<body><p>a</p><hr><div id=\"divRplyFwdMsg\"><b>From:</b></div><div>old</div></body>",
        "<body><p>a</p><hr></body>")]
    [InlineData("<p>네<br>-----Original Message-----<br><b>From:</b> x<div>old</div></p>", "<p>네<br></p>")]
    [InlineData("<div class=gmail_quote>never ends", "")]
    [InlineData("<p", "<p")]
    public void Page_IsLeftWithoutQuotes(string html, string expected) =>
        Assert.Equal(expected, QuotedHtml.Of(html));

    [Theory]
    [InlineData("<p>one<p>two &amp; three<br>four", "one|two & three|four")]
    [InlineData("<style>p{}</style><script>if (a<b) x()</script>  a\n b<td>c", "a bc")]
    [InlineData("<p", "<p")]
    public void Page_BecomesWords(string html, string expected) =>
        Assert.Equal(expected, HtmlText.Of(html).Replace("\r\n", "|", StringComparison.Ordinal));
}
