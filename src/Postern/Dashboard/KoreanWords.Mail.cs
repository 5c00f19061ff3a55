using Postern.Dashboard.Mail;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string MailHtmlTab => "HTML";
    public override string MailTextTab => "텍스트";
    public override string MailHeadersTab => "헤더";
    public override string MailSourceTab => "원문";
    public override string MailFilesTab => "첨부 파일";
    public override string MailViews => "메일 보기 방식";
    public override string MailFrameTitle => "HTML로 표시한 메일";
    public override string MailPicturesLeftOut => "외부 이미지는 불러오지 않았습니다. 이미지를 불러오면 발신자가 열람 사실을 알 수 있습니다.";
    public override string MailLinksStay =>
        "메일 안의 링크는 클릭해도 열리지 않습니다. 열어 보려면 마우스 오른쪽 버튼 메뉴에서 링크 주소를 복사하세요.";
    public override string MailLoadPictures => "외부 이미지 불러오기";
    public override string MailPicturesLoaded => "외부 이미지를 불러왔습니다.";
    public override string MailLeavePicturesOut => "외부 이미지 숨기기";
    public override string MailNoText => "텍스트 본문이 없는 메일입니다.";
    public override string MailCut => "앞부분만 표시합니다.";
    public override string MailField => "필드";
    public override string Value => "값";
    public override string MailRawHeaders => "원본 그대로 보기";
    public override string MailDecodedHeaders => "해석해서 보기";
    public override string MailMoreFields => "나머지 필드는 원문에서 볼 수 있습니다.";
    public override string MailDownload => ".eml로 내려받기";
    public override string MailPlainSource => "전체 원문을 텍스트로 보기";
    public override string MailNoFiles => "첨부 파일이 없습니다.";
    public override string MailMoreFiles => "나머지 첨부 파일은 원문에 있습니다.";
    public override string Name => "이름";
    public override string MailFileType => "형식";
    public override string MailFileInline => "본문에 포함";
    public override string MailDefects => "MIME 형식에 오류가 있습니다:";
    public override string MailEnvelope => "봉투";
    public override string MailTimeline => "타임라인";
    public override string MailDate => "날짜";
    public override string SandboxExplained => "샌드박스 안의 중계 서버가 받은 메일입니다. 외부로 나간 메일은 없습니다.";
    public override string SandboxEmpty => "아직 메일이 없습니다. 2587번 포트나 API로 메일을 보내면 여기에 나타납니다.";
    public override string SandboxNoMatch => "검색 결과가 없습니다.";
    public override string SandboxSearch => "보낸 사람, 받는 사람, 제목 검색";
    public override string SandboxList => "전체 목록";
    public override string ContentOf(string id) => $"{id} 메일 내용";
    public override string ContentGoneTitle => "메일 내용이 남아 있지 않습니다";
    public override string ContentGone =>
        "마지막 수신자까지 처리가 끝나면 내용은 삭제됩니다. queue.keep-content나 라우트 설정으로 보관할 수 있습니다. 타임라인은 그대로 남아 "
        + "있습니다.";
    public override string ContentDamaged => "저장된 내용이 손상되어 접수 당시와 다릅니다. 로그와 경보를 확인하세요.";

    public override string MailHtmlNotShown(MailHtmlTrouble trouble) => trouble switch
    {
        MailHtmlTrouble.TooLarge => "HTML이 너무 커서 텍스트로 표시합니다.",
        MailHtmlTrouble.TooDeep => "HTML이 너무 깊게 중첩되어 텍스트로 표시합니다.",
        _ => "HTML의 요소가 너무 많아 텍스트로 표시합니다.",
    };
}
